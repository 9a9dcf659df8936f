from penstock.datastream.joins import *
