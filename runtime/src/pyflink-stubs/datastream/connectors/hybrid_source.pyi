from penstock.datastream.connectors.hybrid_source import *
