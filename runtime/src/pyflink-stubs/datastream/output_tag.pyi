from penstock.datastream.output_tag import *
