from penstock.datastream.cached_stream import *
