from penstock.datastream.window_functions import *
