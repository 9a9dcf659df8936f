from penstock.datastream.environment_settings import *
