from penstock.datastream.checkpointing_mode import *
