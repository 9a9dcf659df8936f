from penstock.datastream.time_characteristic import *
