from penstock.common.state_descriptors import *
