from penstock.datastream.connectors.file_system import *
