from penstock.datastream.window_adapters import *
