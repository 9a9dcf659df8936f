from penstock.datastream.formats import *
