from penstock.datastream.connectors.kinesis import *
