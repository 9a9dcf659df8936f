from penstock.datastream.async_data_stream import *
