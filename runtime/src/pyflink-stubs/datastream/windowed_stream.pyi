from penstock.datastream.windowed_stream import *
