from penstock.datastream.stream_settings import *
