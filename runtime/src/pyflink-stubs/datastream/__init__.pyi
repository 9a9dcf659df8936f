from penstock.datastream import *
