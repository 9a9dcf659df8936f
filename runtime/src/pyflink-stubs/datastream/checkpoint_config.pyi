from penstock.datastream.checkpoint_config import *
