from penstock.datastream.execution_mode import *
