from penstock.datastream.data_stream import *
