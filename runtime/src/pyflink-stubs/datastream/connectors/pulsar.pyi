from penstock.datastream.connectors.pulsar import *
