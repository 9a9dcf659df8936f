from penstock.datastream.connectors.kafka import *
