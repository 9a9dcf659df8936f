from penstock.datastream.utils import *
