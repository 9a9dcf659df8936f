from penstock.datastream.formats.avro import *
