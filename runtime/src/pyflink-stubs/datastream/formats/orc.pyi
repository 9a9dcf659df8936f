from penstock.datastream.formats.orc import *
