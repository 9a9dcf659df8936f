from penstock.datastream.state import *
