from penstock.datastream.connectors.cassandra import *
