from penstock.datastream.connectors.elasticsearch import *
