from penstock.datastream.function_base import *
