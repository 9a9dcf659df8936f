from penstock.datastream.connectors.dynamic_kafka import *
