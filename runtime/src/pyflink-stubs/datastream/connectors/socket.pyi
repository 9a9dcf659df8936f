from penstock.datastream.connectors.socket import *
