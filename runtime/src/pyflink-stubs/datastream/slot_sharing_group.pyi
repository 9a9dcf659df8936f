from penstock.datastream.slot_sharing_group import *
