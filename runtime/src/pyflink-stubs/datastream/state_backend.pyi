from penstock.datastream.state_backend import *
