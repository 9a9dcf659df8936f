from penstock.datastream.checkpoint_storage import *
