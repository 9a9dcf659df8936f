from penstock.datastream.timerservice import *
