from penstock.datastream.execution_plan import *
