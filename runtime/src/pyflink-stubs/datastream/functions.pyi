from penstock.datastream.functions import *
