from penstock.datastream.connectors.datagen import *
