from penstock.datastream.memory_size import *
