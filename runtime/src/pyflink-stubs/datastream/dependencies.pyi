from penstock.datastream.dependencies import *
