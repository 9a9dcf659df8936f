from penstock.datastream.stream_execution_environment import *
