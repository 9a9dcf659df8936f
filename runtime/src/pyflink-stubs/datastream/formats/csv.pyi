from penstock.datastream.formats.csv import *
