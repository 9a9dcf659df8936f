from penstock.datastream.time_domain import *
