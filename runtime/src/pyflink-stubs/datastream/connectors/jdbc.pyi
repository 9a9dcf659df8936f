from penstock.datastream.connectors.jdbc import *
