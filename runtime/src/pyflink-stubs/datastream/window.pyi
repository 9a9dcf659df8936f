from penstock.datastream.window import *
