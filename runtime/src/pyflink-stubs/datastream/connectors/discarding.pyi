from penstock.datastream.connectors.discarding import *
