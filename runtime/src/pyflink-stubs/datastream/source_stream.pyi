from penstock.datastream.source_stream import *
