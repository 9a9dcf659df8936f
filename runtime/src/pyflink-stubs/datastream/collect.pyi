from penstock.datastream.collect import *
