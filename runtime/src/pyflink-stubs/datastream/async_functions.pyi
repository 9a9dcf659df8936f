from penstock.datastream.async_functions import *
