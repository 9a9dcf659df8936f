from penstock.datastream.connectors.base import *
