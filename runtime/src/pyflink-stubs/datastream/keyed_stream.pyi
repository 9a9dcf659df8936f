from penstock.datastream.keyed_stream import *
