from penstock.common.io import *
