from penstock.datastream.connected_streams import *
