from penstock.datastream.connectors.number_seq import *
