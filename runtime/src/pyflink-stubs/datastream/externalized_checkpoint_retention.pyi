from penstock.datastream.externalized_checkpoint_retention import *
